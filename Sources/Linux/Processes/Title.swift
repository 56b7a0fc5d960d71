import CLinux

/// Sets what ps(1) shows as the words of this process, in place of those that it was started with.
///
/// The kernel shows what lies where the arguments were, and goes on into the environment behind them if the last byte of
/// the arguments is not zero; proc_pid_cmdline(5). So the environment moves away first. Nothing happens without /proc.
package func setProcessTitle(_ title: String) {
    guard let area = titleArea else { return }
    guard let start = UnsafeMutablePointer<UInt8>(bitPattern: area.start) else { return }
    let bytes = title.bytes.prefix(area.size - 1)
    for index in 0..<area.size { start[index] = 0 }
    for (index, byte) in bytes.enumerated() { start[index] = byte }
    // Marks the words as overwritten where the title is shorter.
    if bytes.count < area.arguments { start[area.arguments - 1] = ASCII.dot }
}

/// Where arguments and environment lie. Found once: it is the same in all processes that are forked from this one.
private let titleArea: (start: UInt, arguments: Int, size: Int)? = {
    guard let line = try? readFile("/proc/self/stat", limit: 1 << 16), let name = line.lastIndex(of: UInt8(ascii: ")"))
    else { return nil }
    // Fields 48 to 51 of proc_pid_stat(5).
    let fields = line[name...].split(separator: ASCII.space).dropFirst(46).prefix(4).map {
        UInt(String(bytes: $0)) ?? 0
    }
    guard fields.count == 4, fields[0] > 0, fields[0] < fields[1], fields[1] == fields[2], fields[2] <= fields[3] else {
        return nil
    }
    if var variable = skl_environ() {
        while let text = variable.pointee {
            variable.pointee = strdup(text)
            variable += 1
        }
    }
    return (fields[0], Int(fields[1] - fields[0]), Int(fields[3] - fields[0]))
}()
