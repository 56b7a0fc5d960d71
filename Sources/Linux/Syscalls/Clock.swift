import CLinux

/// Seconds since 1970, by the wall clock; time(2).
package func currentTime() -> Int64 { Int64(time(nil)) }

/// `count` bytes that nobody can foresee, 256 at most; getrandom(2).
package func randomBytes(_ count: Int) throws(Errno) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    // Up to 256 bytes come whole, so a short answer cannot be.
    let got = try checked { getrandom(&bytes, bytes.count, 0) }
    guard got == count else { throw .ioError }
    return bytes
}
