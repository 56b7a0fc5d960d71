package import PluginKit

/// The size of an overlay as users give it: a number of MiB, or one with a unit.
package struct OverlaySize: Sendable, Equatable {
    package let bytes: Int64

    /// Apptainer's least size; what ext3 with blocks of 4 KiB can have at most.
    private static let (least, most): (Int64, Int64) = (64 << 20, 16 << 40)

    /// Reads `64`, `512M`, `16G`, `1.5T` is none; `GiB` and `GB` mean the same.
    package init(_ text: String) throws(PluginError) {
        let digits = text.utf8.prefix { (0x30...0x39).contains($0) }
        let unit = String(Substring(text.utf8.dropFirst(digits.count))).uppercased()
        let shifts = ["": 20, "M": 20, "MB": 20, "MIB": 20, "G": 30, "GB": 30, "GIB": 30, "T": 40, "TB": 40, "TIB": 40]
        // A negative number is too small, as in Apptainer.
        if text.utf8.first == UInt8(ascii: "-"), Int64(text) != nil { throw Self.tooSmall }
        guard let shift = shifts[unit], let number = Int64(String(Substring(digits))) else {
            throw PluginError(
                "cannot make an overlay of size \(text): a size is a number of MiB, or one with M, G or T")
        }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: 1 << shift)
        if !overflow, bytes < Self.least { throw Self.tooSmall }
        guard !overflow, bytes <= Self.most else {
            throw PluginError("cannot make an overlay of size \(text): 16 TiB is the most that ext3 can have")
        }
        self.bytes = bytes
    }

    private static var tooSmall: PluginError { PluginError("image size must be equal or greater than 64 MiB") }
}

/// Returns `64 MiB` or `1.5 GiB`: at most one digit behind the point.
func readableSize(_ bytes: Int64) -> String {
    for (unit, shift) in [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)] where bytes >= 1 << shift {
        let tenths = bytes / ((1 << shift) / 10)
        return tenths % 10 == 0 ? "\(tenths / 10) \(unit)" : "\(tenths / 10).\(tenths % 10) \(unit)"
    }
    return "\(bytes) B"
}
