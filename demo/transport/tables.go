package transport

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"time"

	_ "embed"
)

//go:embed sensors.csv
var sensorFile []byte

//go:embed readings.csv.gz
var readingFile []byte

type sensor struct{ id, district, name, kind string }

func (s *sensor) value(name string) any {
	switch name {
	case "id":
		return s.id
	case "districtId":
		return s.district
	case "name":
		return s.name
	case "kind":
		return s.kind
	}
	return nil
}

type reading struct {
	id, sensor, district, time string
	at                         time.Time
	speed                      *float64
}

func (r *reading) value(name string) any {
	switch name {
	case "id":
		return r.id
	case "sensorId":
		return r.sensor
	case "districtId":
		return r.district
	case "time":
		return r.time
	case "speed":
		return r.speed
	}
	return nil
}

// tables are the service's data: one week of hourly means.
type tables struct {
	sensors  []sensor
	readings []reading

	sensorAt, readingAt map[string]int // by identifier
}

func loadTables() (*tables, error) {
	t := &tables{sensorAt: map[string]int{}, readingAt: map[string]int{}}
	rows, err := csv.NewReader(bytes.NewReader(sensorFile)).ReadAll()
	if err != nil {
		return nil, err
	}
	for _, row := range rows[1:] {
		t.sensorAt[row[0]] = len(t.sensors)
		t.sensors = append(t.sensors, sensor{id: row[0], district: row[1], name: row[2], kind: row[3]})
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(readingFile))
	if err != nil {
		return nil, err
	}
	return t, t.loadReadings(unzipped)
}

func (t *tables) loadReadings(in io.Reader) error {
	rows, err := csv.NewReader(in).ReadAll()
	if err != nil {
		return err
	}
	for _, row := range rows[1:] {
		r := reading{id: row[0], sensor: row[1], district: row[2], time: row[3]}
		if r.at, err = time.Parse(time.RFC3339, r.time); err != nil {
			return fmt.Errorf("reading %s: %w", r.id, err)
		}
		if row[4] != "" {
			speed, err := strconv.ParseFloat(row[4], 64)
			if err != nil {
				return fmt.Errorf("reading %s: %w", r.id, err)
			}
			r.speed = &speed
		}
		t.readingAt[r.id] = len(t.readings)
		t.readings = append(t.readings, r)
	}
	return nil
}
