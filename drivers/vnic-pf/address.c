// SPDX-License-Identifier: GPL-2.0
/*
 * The default addresses of PFs and VFs: the same at each load and boot.
 *
 * They are made from the machine's UUID, which firmware or hypervisor tells: a copied
 * virtual machine gets another one, while all that is on its disk (/etc/machine-id) is
 * copied, so that both would have the same addresses on one wire.  Containers are of
 * the machine.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dmi.h>
#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/siphash.h>

#include "vnic.h"

static char *mac_seed = "";
module_param(mac_seed, charp, 0400);
MODULE_PARM_DESC(mac_seed, "Text that makes the addresses (default: the machine's UUID); random: new ones each time");

static siphash_key_t vnic_address_key;
static bool vnic_address_stable;

/* NULL: none, or one that many boards share because nobody filled it in */
static const char *vnic_machine_uuid(void)
{
	const char *uuid = dmi_get_system_info(DMI_PRODUCT_UUID);

	if (uuid && strcasecmp(uuid, "03000200-0400-0500-0006-000700080009"))
		return uuid;
	pr_info("this machine has no UUID of its own: addresses are random (see mac_seed)\n");
	return NULL;
}

void vnic_address_init(void)
{
	const siphash_key_t low = {}, high = { .key = { 1 } };
	const char *seed = mac_seed;

	if (!strcmp(seed, "random"))
		return;
	if (!*seed)
		seed = vnic_machine_uuid();
	if (!seed)
		return;
	vnic_address_key.key[0] = siphash(seed, strlen(seed), &low);
	vnic_address_key.key[1] = siphash(seed, strlen(seed), &high);
	vnic_address_stable = true;
}

bool vnic_address(unsigned int adapter, unsigned int index, u8 *mac)
{
	if (!vnic_address_stable)
		return false;
	u64_to_ether_addr(siphash_2u32(adapter, index, &vnic_address_key), mac);
	mac[0] &= ~BIT(0);	/* unicast */
	mac[0] |= BIT(1);	/* locally administered */
	return true;
}
