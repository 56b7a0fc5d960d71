import Base
import Linux

/// Numbers and times in the forms that Go's programs print.

/// Returns `2023-11-14 22:13:20 +0000 UTC`.
func utcText(_ seconds: Int64) -> String {
    let time = CalendarTime(universal: seconds)
    return "\(time.date) \(time.clock) +0000 UTC"
}

/// Returns text from a file as one field of a line on a terminal.
func printable(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self).printableField }

/// Returns the object number that was typed; errors have the texts of Go's strconv.
func objectID(_ text: String) throws(SkiffError) -> UInt32 {
    let problem = "while converting id: strconv.ParseUint: parsing \"\(text.printableField)\": "
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
        throw SkiffError(problem + "invalid syntax")
    }
    guard let id = UInt32(text) else { throw SkiffError(problem + "value out of range") }
    return id
}
