# The length in a transmit descriptor is read twice.
drivers/vnic-pf/native/tx.c	s/t->len \+= b\+\+->len;/{ t->len += le16_to_cpu(READ_ONCE(((const struct vnic_tx_desc *)from)->len)); b++; }/
