package secagg

import "concordat/privacy/dp"

// NoiseShare is what one contributor adds to one slot. Of discrete Laplace: the difference of two draws from the Pólya
// distribution with shape 1/Honest and ratio exp(-Num/Den). Of Skellam, where Sixteenths is not zero: the difference of
// two Poisson draws with mean Sixteenths/16. Honest of them make the full noise; more make more.
type NoiseShare struct {
	Num, Den   int64
	Honest     int
	Sixteenths int64
}

// Draw draws it.
func (n NoiseShare) Draw(s *dp.Sampler) (int64, error) {
	if n.Sixteenths > 0 {
		return s.SkellamShare(n.Sixteenths)
	}
	return s.LaplaceShare(n.Num, n.Den, n.Honest)
}

// Noisy adds this agency's share of the noise to its values, drawn by draw. Where the question asks for none it changes
// nothing. The neighbours are data sets that differ in one privacy unit at one agency.
func (q *Question) Noisy(values []int64, draw func(NoiseShare) (int64, error)) error {
	shares, err := q.shares()
	if err != nil || q.Noise == nil {
		return err
	}
	at := 0
	for i, c := range q.Components() {
		for j := range c.Slots {
			n, err := draw(shares[i])
			if err != nil {
				return err
			}
			values[at+j] += n
		}
		at += c.Slots
	}
	return nil
}

// shares is the noise of each component.
func (q *Question) shares() ([]NoiseShare, error) {
	if q.Noise == nil {
		return nil, nil
	}
	components := q.Components()
	shares, moved := make([]NoiseShare, len(components)), make([]int64, len(components))
	for i, c := range components {
		moved[i] = q.steps(c)
		shares[i] = NoiseShare{Num: q.Noise.EpsilonNum, Den: q.Noise.EpsilonDen * int64(len(components)) * moved[i], Honest: q.Noise.Honest}
	}
	if q.Noise.Mechanism != Skellam {
		return shares, nil
	}
	s, err := dp.NewSkellam(moved, q.Noise.EpsilonNum, q.Noise.EpsilonDen, q.Noise.DeltaExponent, q.Noise.Honest)
	if err != nil {
		return nil, invalid("the noise is too large to be drawn")
	}
	for i := range shares {
		shares[i] = NoiseShare{Honest: q.Noise.Honest, Sixteenths: s.Sixteenths[i]}
	}
	return shares, nil
}

// steps is how far one unit moves a component, in its steps: rounding can add one step per row.
func (q *Question) steps(c Component) int64 {
	rows := int64(q.PerUnit)
	if c.Unit == 1 {
		return c.PerRow * rows
	}
	return (c.PerRow*rows+c.Unit-1)/c.Unit + rows
}
