package text

// zhPrograms: what the daemon's command line says.
func zhPrograms() [][2]string {
	return [][2]string{
		{"edged: unexpected argument %q; see edged -help", "edged：多余的参数 %q；见 edged -help"},
		{"%s: good: gateway %s, %d devices, %d cameras", "%s：正确：网关 %s，设备 %d 台，摄像机 %d 台"},
	}
}
