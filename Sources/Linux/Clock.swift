import CLinux

/// Returns the seconds since 1970, by the wall clock; time(2).
package func currentTime() -> Int64 { Int64(time(nil)) }

/// Returns `count` unpredictable bytes, 256 at most; getrandom(2).
package func randomBytes(_ count: Int) throws(Errno) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    // Up to 256 bytes come whole, so a short answer is impossible.
    let got = try checked { getrandom(&bytes, bytes.count, 0) }
    guard got == count else { throw .ioError }
    return bytes
}

/// Returns the milliseconds since some moment, never set back; clock_gettime(2) CLOCK_MONOTONIC.
package func monotonicMilliseconds() -> Int64 { monotonicMicroseconds() / 1000 }

/// Microseconds since the same moment.
package func monotonicMicroseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000
}

/// nanosleep(2), for the whole time even when signals come.
package func pause(milliseconds: Int64) {
    let wanted = timespec(tv_sec: time_t(milliseconds / 1000), tv_nsec: Int(milliseconds % 1000) * 1_000_000)
    var (left, rest) = (wanted, wanted)
    while nanosleep(&left, &rest) != 0, Errno.current == .interrupted { left = rest }
}
