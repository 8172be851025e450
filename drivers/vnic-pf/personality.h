/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the driver of a VF may meet: the personalities that there are.
 */
#ifndef _VNIC_PERSONALITY_H
#define _VNIC_PERSONALITY_H

#define VNIC_PERSONALITIES	"native, virtio or virtio-split"

struct vnic_personality;

extern const struct vnic_personality vnic_native_personality;
extern const struct vnic_personality vnic_virtio_personality;
extern const struct vnic_personality vnic_virtio_split_personality;

/* By name; NULL: there is none */
const struct vnic_personality *vnic_personality_of(const char *name);
/* Of VFs whose driver is on this host */
const struct vnic_personality *vnic_personality_host(void);
/* What personality= says */
const char *vnic_personality_asked(void);
/* Of new VFs in guests (personality=); NULL: it has no such name */
const struct vnic_personality *vnic_personality_default(void);

#endif /* _VNIC_PERSONALITY_H */
