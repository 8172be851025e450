/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The release of vnic, of all its modules and programs alike: `modinfo`,
 * `vnic --version`.  Not that of the interface to guests, VNIC_VERSION_1.
 */
#ifndef _VNIC_RELEASE_H
#define _VNIC_RELEASE_H

#define VNIC_RELEASE	"0.2"	/* tools/vnic has it, too */

#endif
