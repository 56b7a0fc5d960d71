import Linux

/// Numbers of limits as users write them.
package enum LimitText {
    /// `1.5`, `.5`, `2e-1`, times a scale, rounded down.
    package static func decimal(_ text: String, scale: Int64) -> Int64? {
        let allowed = text.utf8.allSatisfy {
            (0x30...0x39).contains($0) || [".", "-", "+", "e", "E"].contains(Character(Unicode.Scalar($0)))
        }
        guard allowed, let value = Double(text), value.isFinite, abs(value) < 1e12 else { return nil }
        // Decimal fractions are not exact in binary: 0.57 must not become 0.56999.
        return Int64((value * Double(scale) + 1e-4).rounded(.down))
    }

    /// `512`, `10m`, `1.5 GiB`, in binary units.
    package static func bytes(_ text: String) -> Int64? {
        let number = text.prefix { ("0"..."9").contains($0) || $0 == "." }
        var unit = text.dropFirst(number.count)
        if unit.first == " " { unit = unit.dropFirst() }
        var letters = unit.lowercased()
        var power = 0
        if let first = letters.first, let index = Array("kmgtp").firstIndex(of: first) {
            power = index + 1
            letters.removeFirst()
        }
        guard ["", "b", "i", "ib"].contains(letters), number.first != ".", number.last != ".",
            let value = Double(String(number))
        else { return nil }
        var scaled = value
        for _ in 0..<power { scaled *= 1024 }
        return scaled < 9.2e18 ? Int64(scaled) : nil
    }
}
