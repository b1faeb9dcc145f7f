package text

import "strings"

// Pick finds the language of whoever reads the terminal: the first of LC_ALL,
// LC_MESSAGES and LANG that is set decides (POSIX.1, XBD 8.2). A locale whose
// character set is not UTF-8 gets English, which every terminal can show.
func Pick(env func(string) string) string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		locale := env(name)
		if locale == "" {
			continue
		}
		_, charset, named := strings.Cut(locale, ".")
		charset, _, _ = strings.Cut(charset, "@")
		charset = strings.ToLower(strings.ReplaceAll(charset, "-", ""))
		if chinese(locale) && (!named || charset == "utf8") {
			return "zh"
		}
		return "en"
	}
	return "en"
}

// chinese tells whether a locale or language tag is Chinese: zh, zh-CN, zh_CN.UTF-8.
func chinese(lang string) bool {
	lang = strings.ToLower(lang)
	return lang == "zh" || strings.HasPrefix(lang, "zh-") || strings.HasPrefix(lang, "zh_") || strings.HasPrefix(lang, "zh.")
}
