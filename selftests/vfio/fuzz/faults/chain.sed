# A virtio chain has as many buffers as it likes.
drivers/vnic-pf/virtio/chain.c	s/if \(c->n == c->most\)/if (c->n == U16_MAX)/
