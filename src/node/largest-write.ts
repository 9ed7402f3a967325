/**
 * The most bytes one write asks for. A kernel with large folios (Linux >= 6.16 on ext4, longer on XFS) makes page cache in
 * units of about what a write brings, and a virtual machine may have to ask its host for memory in units of 2 MiB: a GiB
 * took 0.4 s of the system's time written by up to 512 KiB, 0.7 s by 1 MiB, 1.9 s by 4 MiB.
 */
export const LARGEST_WRITE = 512 * 1024
