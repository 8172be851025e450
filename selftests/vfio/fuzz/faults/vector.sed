# A vector named in a message is not compared with the number of vectors.
drivers/vnic-pf/native/mailbox.c	s/!vnic_mbx_vector_ok\(fn, vector\) \|\| (usecs > VNIC_COALESCE_MAX)/\1/
