package authn

import "time"

// Unverified is what a token says of itself, for people who look into one. Nothing in it may be believed.
type Unverified struct {
	Header map[string]any
	Claims map[string]any

	token string
	parts segments
}

// Inspect takes a token apart by the gate's rules of form, and checks nothing else.
func Inspect(token string) (Unverified, error) {
	parts, err := split(token)
	if err != nil {
		return Unverified{}, err
	}
	u := Unverified{token: token, parts: parts}
	if u.Header, err = parseObject(parts.header); err != nil {
		return Unverified{}, refuseToken("the header is " + err.Error())
	}
	if u.Claims, err = parseObject(parts.payload); err != nil {
		return Unverified{}, refuseToken("claims are " + err.Error())
	}
	return u, nil
}

// Check applies the gate's rules on header and claims at now, without an issuer or a signature. An empty audience
// is not compared.
func (u Unverified) Check(audience string, now time.Time) error {
	if _, _, err := readHeader(u.parts.header); err != nil {
		return err
	}
	if audience == "" {
		c := &claimReader{members: u.Claims}
		if list := c.audience(); len(list) > 0 {
			audience = list[0]
		}
	}
	_, _, err := readClaims(u.Claims, audience, now)
	return err
}

// SignedBy verifies the signature with the key of keys that the header names.
func (u Unverified) SignedBy(keys *Keys) error {
	algorithm, kid, err := readHeader(u.parts.header)
	if err != nil {
		return err
	}
	return verifySignature(keys, kid, algorithm, u.token, u.parts.signature, time.Now())
}
