package import CLinux

/// Returns the processes that a process has started and not yet waited for, from any of its threads;
/// /proc/PID/task/TID/children of proc(5).
package func children(of pid: pid_t) -> [pid_t] {
    guard let tasks = try? open("/proc/\(pid)/task", O_RDONLY | O_DIRECTORY),
        let threads = try? entries(of: tasks.raw).map(\.text)
    else { return [] }
    return threads.flatMap { thread -> [pid_t] in
        guard let text = try? readFile("\(thread)/children", at: tasks.raw, limit: 1 << 16) else { return [] }
        return text.split(separator: 0x20).compactMap { pid_t(String(decoding: $0, as: UTF8.self)) }
    }
}

/// Whether a process is stopped by a signal; the state in /proc/PID/stat of proc(5).
package func isStopped(_ pid: pid_t) -> Bool {
    guard let line = try? readFile("/proc/\(pid)/stat", limit: 1 << 16),
        let end = line.lastIndex(of: UInt8(ascii: ")"))
    else { return false }
    return line[end...].dropFirst(2).first == UInt8(ascii: "T")
}

/// When a process started, in clock ticks since the boot: with its number it names one process for good; field 22 of
/// /proc/PID/stat in proc(5). nil when it has gone.
package func startTime(of pid: pid_t) -> UInt64? {
    guard let line = try? readFile("/proc/\(pid)/stat", limit: 1 << 16),
        let end = line.lastIndex(of: UInt8(ascii: ")"))
    else { return nil }
    let fields = line[end...].split(separator: ASCII.space)
    return fields.count > 20 ? UInt64(String(bytes: fields[20])) : nil
}

/// The number of a process in its own PID namespace; NSpid in /proc/PID/status of proc(5). nil when it has gone.
package func innermostNumber(of pid: pid_t) -> pid_t? {
    guard let status = try? readFile("/proc/\(pid)/status", limit: 1 << 16) else { return nil }
    let line = status.split(separator: 0x0A).first { $0.starts(with: "NSpid:".utf8) }
    return line?.split(whereSeparator: { $0 == 0x09 }).last.flatMap { pid_t(String(decoding: $0, as: UTF8.self)) }
}

/// Returns a process, its children, their children, and so on.
package func family(of pid: pid_t) -> [pid_t] {
    var found = [pid]
    var next = 0
    while next < found.count {
        found += children(of: found[next])
        next += 1
    }
    return found
}

/// Kills a child of ours and all its descendants; waiting for the child is left to the caller.
///
/// Each is stopped before its children are listed: then it starts no more, and reaps none, whose number another process
/// could take over.
package func endFamily(of child: pid_t) {
    guard let handle = try? openPidFD(child), (try? sendSignal(SIGSTOP, to: handle)) != nil else { return }
    var found = children(of: child)
    var next = 0
    while next < found.count {
        try? sendSignal(SIGSTOP, to: found[next])
        found += children(of: found[next])
        next += 1
    }
    try? sendSignal(SIGKILL, to: handle)
    for pid in found { try? sendSignal(SIGKILL, to: pid) }
}

/// Returns how many bytes a process, and the children it has waited for, have read and written: rchar and wchar of
/// /proc/PID/io, proc(5). Bytes that only went through a socket with recv(2) and send(2) are not counted.
///
/// - Returns: nil where the kernel does not tell.
package func bytesMoved(by pid: pid_t) -> UInt64? {
    guard let text = try? readFile("/proc/\(pid)/io", limit: 4096) else { return nil }
    var sum: UInt64?
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
        let words = line.split(separator: " ")
        guard words.count == 2, ["rchar:", "wchar:"].contains(words[0]), let count = UInt64(words[1]) else { continue }
        sum = (sum ?? 0) &+ count
    }
    return sum
}
