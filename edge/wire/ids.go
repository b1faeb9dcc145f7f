package wire

import "strings"

// ValidID tells whether s may name a gateway, device, group, zone or grid:
// [a-z0-9][a-z0-9-]{0,62}, and not one of the reserved words.
func ValidID(s string) bool {
	if len(s) < 1 || len(s) > 63 || s[0] == '-' || Reserved(s) {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// Reserved tells whether s is a word that no id may be.
func Reserved(s string) bool { return s == "all" || s == "group" }

// ValidToken tells whether s may be an order id, a key id or a session id:
// [A-Za-z0-9][A-Za-z0-9._-]{0,63}. Neither ':' nor '/' nor space can occur, so a
// token is safe within an act id, a topic and a log line.
func ValidToken(s string) bool {
	if len(s) < 1 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return true
}

// ValidSHA256 tells whether s is a SHA-256 as 64 lower-case hex digits.
func ValidSHA256(s string) bool { return len(s) == 64 && hexDigits(s) }

// ValidRun tells whether s is a run: 16 lower-case hex digits.
func ValidRun(s string) bool { return len(s) == 16 && hexDigits(s) }

func hexDigits(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// clip shortens text that came from outside before it enters an error or a result,
// and keeps it valid UTF-8.
func clip(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return strings.ToValidUTF8(s, "?")
}
