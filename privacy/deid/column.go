package deid

import "concordat/privacy"

// eachText maps a dictionary: once per distinct value, whatever the number of rows. The cells of a text that f
// refuses are Failed: no value leaves.
func eachText(f func(string) (string, bool)) transform {
	return func(in, out *privacy.Column) error {
		out.Codes = in.Codes
		out.Dict = make([]string, len(in.Dict))
		refused := make([]bool, len(in.Dict))
		some := false
		for code, text := range in.Dict {
			to, ok := f(text)
			if !ok {
				refused[code], some = true, true
				continue
			}
			out.Dict[code] = to
		}
		if some {
			failTexts(out, refused)
		}
		return nil
	}
}

func failTexts(out *privacy.Column, refused []bool) {
	for row, s := range out.States {
		if s == privacy.Value && refused[out.Codes[row]] {
			out.States[row] = privacy.Failed
		}
	}
}

// eachInt maps integers; the cell of one that f refuses is Failed.
func eachInt(f func(int64) (int64, bool)) transform {
	return func(in, out *privacy.Column) error {
		out.Ints = make([]int64, len(in.Ints))
		for row, s := range in.States {
			if s != privacy.Value {
				continue
			}
			to, ok := f(in.Ints[row])
			if !ok {
				out.States[row] = privacy.Failed
				continue
			}
			out.Ints[row] = to
		}
		return nil
	}
}

// eachFloat maps floats; the cell of one that f refuses is Failed.
func eachFloat(f func(float64) (float64, bool)) transform {
	return func(in, out *privacy.Column) error {
		out.Floats = make([]float64, len(in.Floats))
		for row, s := range in.States {
			if s != privacy.Value {
				continue
			}
			to, ok := f(in.Floats[row])
			if !ok {
				out.States[row] = privacy.Failed
				continue
			}
			out.Floats[row] = to
		}
		return nil
	}
}

// fill gives every cell that holds a value the same one. Only the member of v that the kind stores is read.
func fill(kind privacy.Kind, v literal) transform {
	return func(in, out *privacy.Column) error {
		rows := in.Len()
		switch {
		case kind.Text():
			out.Dict, out.Codes = []string{v.text}, make([]uint32, rows)
		case kind == privacy.Float:
			out.Floats = repeat(out.States, v.float)
		default:
			out.Ints = repeat(out.States, v.int)
		}
		return nil
	}
}

func repeat[T any](states []privacy.State, v T) []T {
	to := make([]T, len(states))
	for row, s := range states {
		if s == privacy.Value {
			to[row] = v
		}
	}
	return to
}

// nullify leaves no value: what was one is NULL.
func nullify(in, out *privacy.Column) error {
	for row, s := range out.States {
		if s == privacy.Value {
			out.States[row] = privacy.Null
		}
	}
	return fill(in.Kind, literal{})(in, out)
}
