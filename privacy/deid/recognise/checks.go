package recognise

import "strings"

// luhn is the check of ISO/IEC 7812-1 over ASCII digits.
func luhn(d string) bool {
	sum := 0
	for i := range len(d) {
		n := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			n *= 2
			if n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0 && strings.Trim(d, "0") != ""
}

// cardIssuer reports whether digits are of an issuer's range and length.
func cardIssuer(d string) bool {
	n, p2, p3, p4, p6 := len(d), number(d[:2]), number(d[:3]), number(d[:4]), number(d[:6])
	switch {
	case d[0] == '4':
		return n == 13 || n == 16 || n == 19
	case p2 >= 51 && p2 <= 55, p4 >= 2221 && p4 <= 2720:
		return n == 16
	case p2 == 34 || p2 == 37, p4 == 2131 || p4 == 1800:
		return n == 15
	case p3 >= 300 && p3 <= 305, p2 == 36 || p2 == 38 || p2 == 39:
		return n >= 14 && n <= 19
	case p4 >= 3528 && p4 <= 3589:
		return n >= 16 && n <= 19
	case p4 == 6011 || p2 == 65 || p3 >= 644 && p3 <= 649:
		return n >= 16 && n <= 19
	case p2 == 62 || p2 == 81:
		return n >= 16 && n <= 19
	case p4 >= 2200 && p4 <= 2204:
		return n >= 16 && n <= 19
	case p2 == 50 || p2 >= 56 && p2 <= 58 || p2 == 63 || p2 == 67 || p4 == 6220 || p6/1000 == 601:
		return n >= 12 && n <= 19
	}
	return false
}

func number(d string) int {
	n := 0
	for i := range len(d) {
		n = n*10 + int(d[i]-'0')
	}
	return n
}

// ibanValid is ISO 13616: length by country, then MOD 97-10 (ISO 7064). s is upper case without spaces.
func ibanValid(s string) bool {
	if ibanLength(s[:2]) != len(s) {
		return false
	}
	rem := 0
	for i := range len(s) {
		c := s[(i+4)%len(s)]
		switch {
		case c >= '0' && c <= '9':
			rem = (rem*10 + int(c-'0')) % 97
		case c >= 'A' && c <= 'Z':
			rem = (rem*100 + int(c-'A') + 10) % 97
		default:
			return false
		}
	}
	return rem == 1
}

// ibanLength is the registry's length (SWIFT IBAN registry, release 99), 0 for no country that has IBANs.
func ibanLength(country string) int {
	const table = "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18" +
		"FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24" +
		"ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25" +
		"SV28TL23TN24TR26UA29VA22VG24XK20YE30"
	for i := 0; i < len(table); i += 4 {
		if table[i:i+2] == country {
			return number(table[i+2 : i+4])
		}
	}
	return 0
}

// chinaID is GB 11643-1999: region, birth date, and ISO 7064 MOD 11-2 over 17 digits. Region 9 is that of foreign
// permanent residents.
func chinaID(d string) bool {
	if len(d) != 18 || d[0] < '1' || !dateDigits(d[6:14]) {
		return false
	}
	sum := 0
	for i := range 17 {
		sum = (sum + int(d[i]-'0')) * 2 % 11
	}
	last := d[17]
	if last == 'x' {
		last = 'X'
	}
	return allDigits(d[:17]) && "10X98765432"[sum] == last
}

// dateDigits reports a date as yyyymmdd, 1800 to 2099.
func dateDigits(d string) bool {
	y := number(d[:4])
	return y >= 1800 && y < 2100 && dayMonth(number(d[6:8]), number(d[4:6]))
}

func dayMonth(day, month int) bool {
	const days = "\x1f\x1d\x1f\x1e\x1f\x1e\x1f\x1f\x1e\x1f\x1e\x1f"
	return month >= 1 && month <= 12 && day >= 1 && day <= int(days[month-1])
}

// chinaCredit is GB 32100-2015: 18 characters without I, O, S, V, Z, check MOD 31 with weights 3^i.
func chinaCredit(s string) bool {
	const alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
	if len(s) != 18 || !strings.ContainsRune("159ANY23467", rune(s[0])) {
		return false
	}
	sum, weight := 0, 1
	for i := range 17 {
		v := strings.IndexByte(alphabet, s[i])
		if v < 0 || (i >= 2 && i < 8 && v > 9) {
			return false
		}
		sum, weight = (sum+v*weight)%31, weight*3%31
	}
	return alphabet[(31-sum)%31] == s[17]
}

// nhs is the MOD 11 check of NHS numbers (NHS Data Dictionary).
func nhs(d string) bool {
	sum := 0
	for i := range 9 {
		sum += int(d[i]-'0') * (10 - i)
	}
	return (11-sum%11)%11 == int(d[9]-'0') && strings.Trim(d, d[:1]) != ""
}

// ssn refuses what the Social Security Administration never issued: area 000, 666; group 00; serial 0000. Areas from
// 900 on are taxpayer numbers of the same form and as identifying.
func ssn(d string) bool {
	return d[:3] != "000" && d[:3] != "666" && d[3:5] != "00" && d[5:] != "0000"
}

// nino is the form of a UK national insurance number (HMRC NIM39110).
func nino(s string) bool {
	if len(s) != 9 || strings.IndexByte("DFIQUV", s[0]) >= 0 || strings.IndexByte("DFIQUVO", s[1]) >= 0 || s[8] < 'A' || s[8] > 'D' {
		return false
	}
	switch s[:2] {
	case "BG", "GB", "NK", "KN", "TN", "NT", "ZZ":
		return false
	}
	return allDigits(s[2:8])
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
