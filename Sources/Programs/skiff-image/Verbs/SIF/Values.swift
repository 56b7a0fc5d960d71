import Base
import Digest

/// Numbers and times in the forms that Go's programs print.

/// Returns `2023-11-14 22:13:20 +0000 UTC`.
func utcText(_ seconds: Int64) -> String {
    var days = seconds / 86400
    var rest = seconds % 86400
    if rest < 0 {
        days -= 1
        rest += 86400
    }
    let (year, month, day) = civilDate(days)
    let clock = [rest / 3600, rest / 60 % 60, rest % 60].map { twoDigits($0) }.joined(separator: ":")
    let digits = String(year.magnitude)
    let padded = (year < 0 ? "-" : "") + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    return "\(padded)-\(twoDigits(month))-\(twoDigits(day)) \(clock) +0000 UTC"
}

/// Returns the date of a day counted from 1970-01-01, by the Gregorian calendar in both directions.
///
/// Years are counted from March, so that the leap day is the last of its year, in eras of 400 years with 146097 days.
private func civilDate(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
}

private func twoDigits(_ value: Int64) -> String { (value < 10 ? "0" : "") + String(value) }

/// Returns `27 KiB`. The unit is chosen by the truncated size, then the number is rounded: 1048575 is `1024 KiB`.
func objectSizeText(_ bytes: Int64) -> String {
    guard bytes >= 1024 else { return "\(bytes) B" }
    var shift: Int64 = 10
    var units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"][...]
    while bytes >> shift >= 1024, units.count > 1 {
        shift += 10
        units.removeFirst()
    }
    let half = (bytes >> (shift - 1)) & 1
    return "\((bytes >> shift) + half) \(units.first ?? "")"
}

/// Returns text of a file for a terminal, with control characters and invalid UTF-8 as `\x1b`, so that an image cannot
/// control the terminal.
func printable(_ bytes: some Sequence<UInt8>) -> String {
    var text = ""
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    decoding: while true {
        switch decoder.decode(&iterator) {
        case .scalarValue(let scalar) where scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value):
            text += "\\x" + hexadecimal([UInt8(scalar.value)])
        case .scalarValue(let scalar): text.unicodeScalars.append(scalar)
        case .error: text += "\u{FFFD}"
        case .emptyInput: break decoding
        }
    }
    return text
}

/// Returns the typed number of an object; errors have the texts of Go's strconv.
func objectID(_ text: String) throws(SkiffError) -> UInt32 {
    let problem = "while converting id: strconv.ParseUint: parsing \"\(printable(text.utf8))\": "
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
        throw SkiffError(problem + "invalid syntax")
    }
    guard let id = UInt32(text) else { throw SkiffError(problem + "value out of range") }
    return id
}
