package demo

// district is a row of data/districts.csv: the one table that lays out the invented country.
type district struct {
	id, name, nameZh, region string
	code                     string // six digits: what national identifiers begin with
	weight                   int    // share of the population
}

func readDistricts() ([]district, error) {
	rows, err := records("districts.csv")
	if err != nil {
		return nil, err
	}
	var n numbers
	districts := make([]district, len(rows))
	for i, row := range rows {
		districts[i] = district{id: row[0], name: row[1], nameZh: row[2], region: row[3], code: row[5], weight: n.integer(row[6])}
	}
	return districts, n.err
}

// wheel picks an index with a probability proportional to its weight.
type wheel []int // cumulative

func newWheel(weights []int) wheel {
	w, sum := make(wheel, len(weights)), 0
	for i, weight := range weights {
		sum += weight
		w[i] = sum
	}
	return w
}

func (w wheel) total() int { return w[len(w)-1] }

// at returns the index that holds the point p of [0, total).
func (w wheel) at(p int) int {
	low, high := 0, len(w)-1
	for low < high {
		if middle := (low + high) / 2; w[middle] > p {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}
