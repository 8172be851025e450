# A receive queue has room for the buffers of the smallest ring, whatever the ring's size.
drivers/vnic-pf/model/queue_rx.c	s/kvcalloc\(ready, /kvcalloc(VNIC_RING_MIN, /
