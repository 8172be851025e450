# The length of a key in a virtio driver's request is not compared with the room for it.
drivers/vnic-pf/virtio/control.c	s/len \&\& data\[0\] <= VNIC_RSS_KEY_LEN \&\& /len \&\& /
