package text

// zhResults: states of orders and classes of evidence.
func zhResults() [][2]string {
	return [][2]string{
		{"received", "已收到"},
		{"accepted", "已受理"},
		{"waiting for its turn", "排队等待"},
		{"running", "执行中"},
		{"done", "已完成"},
		{"done, but the device cannot confirm it", "已执行，但设备无法确认"},
		{"partly done", "部分完成"},
		{"failed", "失败"},
		{"rejected", "已拒绝"},
		{"expired", "已过期"},
		{"cut by something more important", "被更重要的任务打断"},
		{"cancelled", "已取消"},
		{"missed", "已错过"},
		{"not known whether it was done", "无法确定是否已执行"},

		{"nothing was sent", "未发送"},
		{"sent", "已发送"},
		{"answered by the device", "设备已应答"},
		{"read back", "已回读"},
		{"sensed on the line", "已由线路检测确认"},
		{"heard by a microphone", "已由麦克风听到"},
	}
}

// zhReasons: why a result is not good.
func zhReasons() [][2]string {
	return [][2]string{
		{"the order has a field that this version does not know", "指令中有本版本不认识的字段"},
		{"the order's arguments are not allowed", "指令参数不允许"},
		{"this device or this version cannot do it", "该设备或本版本不支持此操作"},
		{"the target matches no device here", "目标与本网关的任何设备都不匹配"},
		{"the device has taken this announcement from another order already", "设备已从另一条指令接收了同一广播"},
		{"the order's number has been used or is too old", "指令序号已使用过或过旧"},
		{"the order's id was used before with another content", "该指令编号曾用于不同的内容"},
		{"a later order or a stop has overtaken it", "已被较晚的指令或停止指令取代"},
		{"the key may not do this", "该密钥无权执行此操作"},
		{"the order needs the signatures of two people", "该指令需要两人签名"},
		{"the key has been revoked", "密钥已吊销"},
		{"the key has sent too many orders", "该密钥发送指令过于频繁"},
		{"the box does not know the time well enough", "网关的时间不够可信"},
		{"the box could not write it down", "网关无法将其写入存储"},
		{"the device or its queue is busy", "设备或其队列忙"},
		{"the kill switch is on", "总停开关已启用"},
		{"quiet hours", "处于安静时段"},
		{"the noise budget is used up", "噪声额度已用完"},
		{"beyond a limit of the configuration", "超出配置中的上限"},
		{"the direction is masked for privacy", "该方向因隐私保护被屏蔽"},
		{"somebody else holds the device", "设备正由他人控制"},
		{"there is no such session", "没有这个会话"},
		{"the serial port is not there", "串口不存在"},
		{"the device did not answer", "设备没有应答"},
		{"the device refused", "设备拒绝执行"},
		{"the device restarted by itself", "设备自行重启了"},
		{"the device has no sound for these characters", "设备无法读出这些字符"},
		{"the connection to the holder was lost", "与控制者的连接中断"},
		{"it was stopped", "已被停止"},
		{"the gateway was shut down", "网关已关闭"},
		{"the gateway crashed or lost power", "网关崩溃或断电"},
		{"another order replaced it", "已被另一条指令替换"},
		{"the mains supply failed", "市电中断"},
		{"an error inside the gateway", "网关内部错误"},
	}
}
