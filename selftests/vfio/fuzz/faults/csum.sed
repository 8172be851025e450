# Where a checksum goes is not compared with the length of the headers.
drivers/vnic-pf/frame/frame.c	s/(csum_start < f->len) \&\&$/\1;/;/\(u32\)f->csum_start \+ f->csum_offset \+ sizeof\(__sum16\) <= f->hdr_len;/d
