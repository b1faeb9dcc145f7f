package text

// zhFile: the configuration file as bytes, and its tree.
func zhFile() [][2]string {
	return [][2]string{
		{"cannot be read: %s", "无法读取：%s"},
		{"there is no such file", "文件不存在"},
		{"no permission", "没有权限"},
		{"it is not a regular file", "不是普通文件"},
		{"the file has more than %s bytes; a configuration is far smaller: is this the right file?", "文件超过 %s 字节；配置文件不会这么大，文件选对了吗？"},
		{"the file has more than %s values", "文件中的值超过 %s 个"},
		{"the file begins with a byte order mark; save it as UTF-8 without BOM", "文件以字节顺序标记（BOM）开头，请另存为不带 BOM 的 UTF-8"},
		{"byte %s is not UTF-8; save the file as UTF-8 (not GBK, not UTF-16)", "字节 %s 不是 UTF-8，请将文件另存为 UTF-8（不要用 GBK 或 UTF-16）"},
		{"a tab in the indentation; use spaces", "缩进中有制表符（Tab），请改用空格"},
		{"a %s in the indentation; use plain spaces", "缩进中有%s，请改用普通空格"},
		{"no-break space", "不换行空格"},
		{"full-width space", "全角空格"},
		{"the character %s is not allowed in this file; remove it or write it as an escape in double quotes", "文件中不允许出现字符 %s，请删除，或在双引号中用转义书写"},
		{"%s has a full-width colon; write a plain colon and a space", "%s 后面是全角冒号，请改为半角冒号加空格"},
		{"a second document begins here; the file holds exactly one", "此处开始了第二个文档，文件只能有一个文档"},
		{"the file is empty; at least gateway is needed", "文件是空的，至少需要 gateway"},
		{"%s more problems are not shown", "还有 %s 个问题没有列出"},
		{"nested deeper than %s levels", "嵌套超过 %s 层"},
		{"anchors (&%s) are not allowed; write the value out", "不允许使用锚点（&%s），请把值完整写出"},
		{"aliases (*%s) are not allowed; write the value out", "不允许使用别名（*%s），请把值完整写出"},
		{"merge keys (<<) are not allowed; write the keys out", "不允许使用合并键（<<），请把各键完整写出"},
		{"tags (%s) are not allowed; remove it", "不允许使用标签（%s），请删除"},
		{"a key must be plain text, not %s", "键必须是普通文本，不能是%s"},
		{"this key stands twice; the first is in line %s", "此键重复，第一处在第 %s 行"},
		{"a secret must not stand in this file; put it into a file of its own below secrets/ in the state directory and write only its name: secret: NAME", "密码类内容不得写在本文件中；请单独存为状态目录 secrets/ 下的文件，这里只写其名称：secret: 名称"},
	}
}

// zhYAML: what is wrong with the notation.
func zhYAML() [][2]string {
	return [][2]string{
		{"not valid YAML: %s", "YAML 语法错误：%s"},
		{"a colon stands where no key can be; if it belongs to a text, put the text in quotes", "冒号出现在不能有键的位置；如果它是文本的一部分，请给文本加引号"},
		{"a key is expected here; look at the indentation, and for a quote above that ends too early or not at all", "此处应为键；请检查缩进，以及上文的引号是否过早闭合或没有闭合"},
		{"a list entry (-) is expected here; look at the indentation", "此处应为列表项（-）；请检查缩进"},
		{"a key without a colon; write key: value", "键后面缺少冒号；请写成 键: 值"},
		{"a value cannot begin with this character; put the text in quotes", "值不能以此字符开头；请给文本加引号"},
		{"a quote is not closed", "引号没有闭合"},
		{"a list in [ ] is not closed, or a comma is missing in it", "[ ] 列表没有闭合，或其中缺少逗号"},
		{"a block in { } is not closed, or a comma is missing in it", "{ } 没有闭合，或其中缺少逗号"},
		{"a value is expected here", "此处应有值"},
		{"an escape that does not exist; in double quotes write \\\\ for a backslash, or use single quotes", "不存在的转义；双引号中的反斜杠要写成 \\\\，或改用单引号"},
		{"a list entry (-) stands where none can be; begin the list on a line of its own", "此处不能有列表项（-）；列表请另起一行"},
		{"a text that begins with & or * needs quotes", "以 & 或 * 开头的文本需要加引号"},
		{"a text that begins with ! needs quotes", "以 ! 开头的文本需要加引号"},
		{"a line that begins with % needs quotes", "以 % 开头的文本需要加引号"},
		{"an alias (*) without its anchor; a text that begins with * needs quotes", "别名（*）没有对应的锚点；以 * 开头的文本需要加引号"},
		{"something stands beside the block of keys; look at the indentation", "键块之外有多余内容；请检查缩进"},
		{"after | or > the text begins on the next line", "| 或 > 之后的文本要从下一行开始"},
		{"nested too deep", "嵌套过深"},
		{"the text cannot be read from here on; look at indentation, quotes and brackets", "从此处起无法解析；请检查缩进、引号和括号"},
	}
}

// zhValues: single values.
func zhValues() [][2]string {
	return [][2]string{
		{"unknown key; did you mean %s?", "未知的键；是否想写 %s？"},
		{"unknown key; allowed here: %s", "未知的键；此处允许：%s"},
		{"is missing; it has no default", "缺少此键；它没有默认值"},
		{"must not be empty", "不能为空"},
		{"has no value; write one or remove the key", "没有值；请写上值，或删除此键"},
		{"%s is not %s", "%s 不是%s"},
		{"%s is not %s; write it in plain digits: %s", "%s 不是%s；请写成普通十进制数字：%s"},
		{"%s is not text; if it is meant as text, put it in quotes", "%s 不是文本；如果是文本，请加引号"},
		{"%s is text; write it without quotes: %s", "%s 是文本；请去掉引号：%s"},
		{"%s is not allowed; allowed: %s", "不允许 %s；允许：%s"},
		{"%s is not allowed; did you mean %s? Allowed: %s", "不允许 %s；是否想写 %s？允许：%s"},
		{"%s is out of range; allowed: %s to %s", "%s 超出范围；允许：%s 至 %s"},
		{"the text has %s characters; at most %s are allowed", "文本有 %s 个字符，最多允许 %s 个"},
		{"%s is not a valid name; allowed: a to z, 0 to 9 and -, beginning with a letter or digit, at most 63 characters", "%s 不是有效的名称；允许小写字母 a 至 z、数字 0 至 9 和 -，以字母或数字开头，最多 63 个字符"},
		{"a secret is named, not written out: the name of a file below secrets/ in the state directory; allowed: a to z, 0 to 9 and -, at most 63 characters", "这里只写名称，不写密码本身：状态目录 secrets/ 下的文件名；允许 a 至 z、0 至 9 和 -，最多 63 个字符"},
		{"%s is not allowed; needed: exactly %s digits", "不允许 %s；必须正好是 %s 位数字"},
		{"%s is not host:port; an example: 192.168.1.10:8080", "%s 不是“主机:端口”；例如：192.168.1.10:8080"},
		{"%s is not a path; it begins with / and has no blanks, ? or #", "%s 不是路径；路径以 / 开头，不含空格、? 和 #"},
		{"%s is a reserved word; choose another name", "%s 是保留字；请换一个名称"},
		{"this version does not carry it out; remove the key, so that nobody relies on it", "本版本尚不执行此项；请删除该键，以免有人依赖它"},
		{"a list", "列表"},
		{"a block of keys", "键值块"},
		{"nothing", "空值"},
		{"an alias", "别名"},
		{"the value", "该值"},
		{"a whole number", "整数"},
		{"a number", "数字"},
		{"true or false", " true 或 false"},
		{"text", "文本"},
	}
}
