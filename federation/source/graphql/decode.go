package graphql

import (
	"fmt"

	"concordat/federation/source"
	"concordat/federation/source/cell"
	"concordat/privacy"
)

// decode appends the rows of an answer {"data": {"rows": [{"c0": ...}]}} to the columns. An answer with errors is
// refused whole: what is missing from it is not known. Where e is not nil the rows are those of its keys.
func decode(body []byte, e *entities, rows *privacy.Table, maxRows int) error {
	d := &decoder{lexer: lexer{text: body}, entities: e, rows: rows, maxRows: maxRows}
	if err := d.answer(); err != nil {
		return err
	}
	if !d.found {
		return fmt.Errorf("the answer holds no rows: %w", source.ErrInvalid)
	}
	return nil
}

type decoder struct {
	lexer
	entities *entities
	rows     *privacy.Table
	maxRows  int
	found    bool
}

func (d *decoder) malformed() error {
	return fmt.Errorf("the answer is not the JSON asked for, at byte %d: %w", d.at, source.ErrInvalid)
}

func (d *decoder) answer() error {
	err := d.object(func(key []byte) error {
		switch string(key) {
		case "data":
			if d.null() {
				return nil
			}
			return d.data()
		case "errors":
			if d.null() || d.emptyArray() {
				return nil
			}
			return fmt.Errorf("the service answered with errors: %w", source.ErrUnavailable)
		}
		return d.skip()
	})
	if err == nil && !d.end() {
		return d.malformed()
	}
	return err
}

func (d *decoder) data() error {
	return d.object(func(key []byte) error {
		if string(key) != "rows" || d.found {
			return d.malformed()
		}
		d.found = true
		return d.list()
	})
}

func (d *decoder) list() error {
	if !d.take('[') {
		return d.malformed()
	}
	n := 0
	for ; !d.take(']'); n++ {
		if n > 0 && !d.take(',') {
			return d.malformed()
		}
		if d.rows.Rows+1 > d.maxRows {
			return fmt.Errorf("more than %d rows: %w", d.maxRows, source.ErrTooLarge)
		}
		if err := d.item(n); err != nil {
			return err
		}
	}
	if d.entities != nil && n != len(d.entities.keys) {
		return d.entities.wrong("another number of entities than was asked for")
	}
	return nil
}

// item reads the row at a place. An entity that the service does not have is null there.
func (d *decoder) item(place int) error {
	if d.entities == nil {
		d.rows.Rows++
		return d.row()
	}
	switch {
	case place >= len(d.entities.keys):
		return d.entities.wrong("another number of entities than was asked for")
	case d.null():
		return nil
	}
	d.rows.Rows++
	if err := d.row(); err != nil {
		return err
	}
	if !d.entities.isKey(d.rows, place) {
		return d.entities.wrong("an entity has another key than was asked for")
	}
	return nil
}

// row reads one object. Services answer fields in the order asked for, so the next column is tried first.
func (d *decoder) row() error {
	next, named := 0, d.entities == nil
	err := d.object(func(key []byte) error {
		if d.entities != nil && string(key) == "__typename" {
			named = true
			return d.typeName()
		}
		if len(d.rows.Columns) == 0 {
			return d.skip()
		}
		i := index(key)
		if i < 0 || i >= len(d.rows.Columns) || d.rows.Columns[i].Len() >= d.rows.Rows {
			return d.malformed()
		}
		next++
		return d.cell(d.rows.Columns[i])
	})
	switch {
	case err != nil:
		return err
	case !named:
		return d.entities.wrong("an entity without its type")
	case next != len(d.rows.Columns):
		return d.missing()
	}
	return nil
}

func (d *decoder) typeName() error {
	if name, ok := d.str(); !ok || string(name) != d.entities.typeName {
		return d.entities.wrong("an entity is of another type")
	}
	return nil
}

// missing names the first field that the last row lacks.
func (d *decoder) missing() error {
	for _, c := range d.rows.Columns {
		if c.Len() < d.rows.Rows {
			return fmt.Errorf("%s: missing in a row: %w", c.Coordinate, source.ErrInvalid)
		}
	}
	return d.malformed()
}

// index reads c0, c1, ...; -1 for any other name.
func index(key []byte) int {
	if len(key) < 2 || len(key) > 6 || key[0] != 'c' {
		return -1
	}
	n := 0
	for _, c := range key[1:] {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}

func (d *decoder) cell(c *privacy.Column) error {
	if d.null() {
		c.AppendNull()
		return nil
	}
	if c.Kind == privacy.JSON {
		return d.document(c)
	}
	text, form, ok := d.scalar()
	if !ok {
		return fmt.Errorf("%s: not a scalar: %w", c.Coordinate, source.ErrInvalid)
	}
	if !takes(c.Kind, form) || !cell.Append(c, text) {
		return fmt.Errorf("%s: a value has another type than its field: %w", c.Coordinate, source.ErrInvalid)
	}
	return nil
}

// document keeps a value of any shape as it was written.
func (d *decoder) document(c *privacy.Column) error {
	d.space()
	start := d.at
	if err := d.skip(); err != nil {
		return err
	}
	c.AppendBytes(d.text[start:d.at])
	return nil
}

// takes says which JSON type a kind is read from. Custom scalars for big numbers are strings with some services and
// numbers with others.
func takes(k privacy.Kind, f form) bool {
	switch k {
	case privacy.Bool:
		return f == isBool
	case privacy.Int, privacy.Float:
		return f == isNumber
	case privacy.BigInt, privacy.Decimal:
		return f == isNumber || f == isString
	}
	return f == isString
}
