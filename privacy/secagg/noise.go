package secagg

// NoiseShare is what one contributor adds to one slot: the difference of two draws from the Pólya distribution with
// shape 1/Honest and ratio exp(-Num/Den). Honest of them make discrete Laplace with that parameter; more make more.
type NoiseShare struct {
	Num, Den int64
	Honest   int
}

// Noisy adds this agency's share of the noise to its values, drawn by draw. Where the question asks for none it changes
// nothing. The neighbours are data sets that differ in one privacy unit at one agency.
func (q *Question) Noisy(values []int64, draw func(NoiseShare) (int64, error)) error {
	if q.Noise == nil {
		return nil
	}
	components := q.Components()
	at := 0
	for _, c := range components {
		share := q.share(c, len(components))
		for i := range c.Slots {
			n, err := draw(share)
			if err != nil {
				return err
			}
			values[at+i] += n
		}
		at += c.Slots
	}
	return nil
}

func (q *Question) share(c Component, components int) NoiseShare {
	return NoiseShare{
		Num: q.Noise.EpsilonNum, Den: q.Noise.EpsilonDen * int64(components) * q.steps(c), Honest: q.Noise.Honest,
	}
}

// steps is how far one unit moves a component, in its steps: rounding can add one step per row.
func (q *Question) steps(c Component) int64 {
	rows := int64(q.PerUnit)
	if c.Unit == 1 {
		return c.PerRow * rows
	}
	return (c.PerRow*rows+c.Unit-1)/c.Unit + rows
}
