# A request of the virtio control queue is as long as it likes.
drivers/vnic-pf/virtio/control.c	s/v->len \+ \(u64\)buf\[i\]\.len > VNIC_CTRL_MAX/v->len + (u64)buf[i].len > U16_MAX/
