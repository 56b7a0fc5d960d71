import Linux

/// How an amount of bytes is written.
package enum ByteStyle {
    /// `92.1 MiB`: the largest unit that leaves a number of at least 1.
    case tenths
    /// `0.00 KiB`, `12.34 MiB`, `1.20 GiB`: no other unit than these three (Docs/spec/cli.md §7).
    case hundredths
    /// `27 KiB`: the unit is chosen by the truncated amount, then the number is rounded: 1048575 is `1024 KiB`.
    case whole
}

/// Returns an amount of bytes as text.
package func byteText(_ bytes: Int64, _ style: ByteStyle = .tenths) -> String {
    switch style {
    case .tenths:
        guard bytes >= 1024 else { return "\(max(0, bytes)) B" }
        var number = Double(bytes) / 1024
        var unit = 0
        // A number that rounds to 1024.0 belongs to the next unit.
        while number >= 1023.95, unit < units.count - 1 {
            number /= 1024
            unit += 1
        }
        let tenths = Int64((number * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) \(units[unit])"
    case .hundredths:
        let unit = bytes >= 1 << 30 ? 2 : bytes >= 1 << 20 ? 1 : 0
        let number = Double(bytes) / Double(Int64(1) << (10 * Int64(unit + 1)))
        let hundredths = Int64((number * 100).rounded(.toNearestOrEven))
        return "\(hundredths / 100).\(twoDigits(abs(hundredths) % 100)) \(units[unit])"
    case .whole:
        guard bytes >= 1024 else { return "\(bytes) B" }
        var unit = 0
        while bytes >> Int64(10 * (unit + 1)) >= 1024, unit < units.count - 1 { unit += 1 }
        let shift = Int64(10 * (unit + 1))
        return "\((bytes >> shift) + (bytes >> (shift - 1)) & 1) \(units[unit])"
    }
}

private let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
