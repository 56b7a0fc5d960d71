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

/// Returns the processes of the machine, as far as /proc shows them.
package func processes() -> [pid_t] {
    guard let folder = try? open("/proc", O_RDONLY | O_DIRECTORY), let names = try? entries(of: folder.raw) else {
        return []
    }
    return names.compactMap { pid_t($0.text) }
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

/// Whether the process with this number is still the one that started then, and has not ended; a process that nobody has
/// waited for yet has.
package func isRunning(_ pid: pid_t, since time: UInt64) -> Bool {
    guard let line = try? readFile("/proc/\(pid)/stat", limit: 1 << 16),
        let end = line.lastIndex(of: UInt8(ascii: ")"))
    else { return false }
    let fields = line[end...].split(separator: ASCII.space)
    guard fields.count > 20, UInt64(String(bytes: fields[20])) == time else { return false }
    return fields[1] != [UInt8(ascii: "Z")] && fields[1] != [UInt8(ascii: "X")]
}

/// Whether a process, or its parent, was killed and the kernel is still taking it down, files and locks with it; a zombie has none
/// any more. The SIGKILL stays pending until then: SigPnd and ShdPnd in /proc/PID/status of proc(5).
package func isBeingKilled(_ pid: pid_t) -> Bool {
    func hasSignal(_ pid: pid_t) -> Bool {
        guard let state = statusFields(of: pid, "State:")?.first, state != [UInt8(ascii: "Z")] else { return false }
        return ["SigPnd:", "ShdPnd:"].contains { name in
            let mask = statusFields(of: pid, name)?.first.flatMap { UInt64(String(bytes: $0), radix: 16) } ?? 0
            return mask & 1 << (SIGKILL - 1) != 0
        }
    }
    return hasSignal(pid) || parent(of: pid).map(hasSignal) == true
}

/// The real user of a process, in ids of our user namespace; /proc/PID/status of proc(5). The owner of the directory does
/// not tell: it is root for a process that is not dumpable.
package func userID(of pid: pid_t) -> uid_t? {
    statusFields(of: pid, "Uid:")?.first.flatMap { uid_t(String(bytes: $0)) }
}

/// The parent of a process.
package func parent(of pid: pid_t) -> pid_t? {
    statusFields(of: pid, "PPid:")?.first.flatMap { pid_t(String(bytes: $0)) }
}

/// How often a process has given up a processor, or been taken off one; nil while it has one or waits for it.
package func switches(of pid: pid_t) -> Int? {
    guard let state = statusFields(of: pid, "State:")?.first, state != [UInt8(ascii: "R")],
        state != [UInt8(ascii: "D")]
    else { return nil }
    return ["voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"].reduce(0) { sum, name in
        sum &+ (statusFields(of: pid, name)?.first.flatMap { Int(String(bytes: $0)) } ?? 0)
    }
}

private func statusFields(of pid: pid_t, _ name: String) -> [ArraySlice<UInt8>]? {
    guard let status = try? readFile("/proc/\(pid)/status", limit: 1 << 16) else { return nil }
    return status.split(separator: 0x0A).first { $0.starts(with: name.utf8) }?
        .split(whereSeparator: { $0 == 0x09 || $0 == ASCII.space }).dropFirst().map { $0 }
}

/// The number of a process in its own PID namespace; NSpid in /proc/PID/status of proc(5). nil when it has gone.
package func innermostNumber(of pid: pid_t) -> pid_t? {
    statusFields(of: pid, "NSpid:")?.last.flatMap { pid_t(String(bytes: $0)) }
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
