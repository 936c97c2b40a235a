package kernel

import "golang.org/x/sys/cpu"

// detect asks for every extension that the generated code of a level uses; the operating system's support for the wide
// registers is part of x/sys/cpu's answer.
func detect() Level {
	switch {
	case !cpu.X86.HasAVX2 || !cpu.X86.HasFMA:
		return Plain
	case cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512VNNI:
		return VNNI
	}
	return AVX2
}
