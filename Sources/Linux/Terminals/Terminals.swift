import CLinux

/// ttyname_r(3): the path of the terminal that a descriptor is; nil for anything else.
package func terminalName(_ fd: CInt) -> String? {
    var buffer = [CChar](repeating: 0, count: 4096)
    guard isatty(fd) == 1, ttyname_r(fd, &buffer, buffer.count - 1) == 0 else { return nil }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
