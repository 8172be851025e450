// SPDX-License-Identifier: GPL-2.0
/*
 * Frames of the fuzzer's programs: their headers.
 */
#include "fuzz_exec.h"

static __u16 ip_csum(const __u8 *p, unsigned int len)
{
	__u32 sum = 0;

	for (; len > 1; len -= 2, p += 2)
		sum += p[0] << 8 | p[1];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

void fuzz_headers(__u8 *f, unsigned int kind, __u32 len)
{
	static const __u8 wide[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	static const __u8 multi[6] = { 0x01, 0x00, 0x5e, 0, 0, 1 };
	static const __u8 control[6] = { 0x01, 0x80, 0xc2, 0, 0, 0 };
	bool tcp = kind == 1 || kind == 2 || kind == 7, six = kind == 2;
	__u16 ip_len, csum;
	__u8 *ip = f + 14;

	memset(f, 0, 128);
	memcpy(f, kind && kind != 8 ? cur->peer->mac : wide, 6);
	if (kind == 5 || kind == 6)
		memcpy(f, kind == 5 ? multi : control, 6);
	memcpy(f + 6, cur->mac, 6);
	if (kind == 4 || kind == 7) {	/* tagged */
		memcpy(f + 12, (const __u8[]){ 0x81, 0x00, 0x00, 0x01 }, 4);
		ip += 4;
	}
	ip_len = len - (ip - f);
	if (!kind || kind == 5 || kind == 6 || kind == 4) {
		memcpy(ip - 2, (const __u8[]){ 0x88, 0xb5 }, 2);
	} else if (six) {
		memcpy(ip - 2, (const __u8[]){ 0x86, 0xdd, 0x60 }, 3);
		ip[4] = (ip_len - 40) >> 8;
		ip[5] = ip_len - 40;
		ip[6] = 6;
		ip[7] = 64;
		ip[8 + 15] = 1;
		ip[24 + 15] = 2;
		ip[40 + 12] = 0x50;
	} else {
		memcpy(ip - 2, (const __u8[]){ 0x08, 0x00, 0x45 }, 3);
		ip[1] = 2;	/* ECT */
		ip[2] = ip_len >> 8;
		ip[3] = ip_len;
		ip[8] = 64;
		ip[9] = tcp ? 6 : 17;
		memcpy(ip + 12, (const __u8[]){ 10, 0, 0, 1, 10, 0, 0, 2 }, 8);
		csum = ip_csum(ip, 20);
		ip[10] = csum >> 8;
		ip[11] = csum;
		memcpy(ip + 20, (const __u8[]){ 0x30, 0x39, 0, 80 }, 4);
		if (tcp)
			ip[20 + 12] = 0x50;
		else
			put16(ip + 24, ip_len - 20);
	}
}
