// SPDX-License-Identifier: GPL-2.0
/* Symbol namespaces are bare words. */
#include <linux/module.h>

#undef MODULE_INFO
#define MODULE_INFO(tag, info) \
	static const char probe_##tag[sizeof(info) == sizeof("VNIC") ? 1 : -1]

MODULE_IMPORT_NS(VNIC);
