/* SPDX-License-Identifier: GPL-2.0 */
/* Memory for pure code of the modules, in user space. */
#ifndef _SHIM_LINUX_SLAB_H
#define _SHIM_LINUX_SLAB_H

#include <stdlib.h>

#define kvcalloc(n, size, flags)	calloc(n, size)
#define kvfree(ptr)			free(ptr)

#endif /* _SHIM_LINUX_SLAB_H */
