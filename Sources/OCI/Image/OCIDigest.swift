package import Base

/// The digest that names a blob; OCI image-spec, descriptor.md. SHA-256 only, which is what registries and builders
/// use.
package struct OCIDigest: Sendable, Hashable, CustomStringConvertible {
    /// 64 digits in lower case.
    package let hex: String

    /// - Parameter text: `sha256:` and 64 digits. Anything else is refused, because the digits become part of paths.
    package init(_ text: String) throws(SkiffError) {
        guard text.hasPrefix("sha256:") else {
            let algorithm = text.prefix { $0 != ":" }
            throw SkiffError(
                algorithm == "sha512" || algorithm == "sha384"
                    ? "cannot use digest \(text.prefix(24))…: only sha256 is supported" : "\"\(text)\" is no digest")
        }
        let digits = text.utf8.dropFirst(7)
        guard digits.count == 64, digits.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else {
            throw SkiffError("\"\(text)\" is no digest: sha256: and 64 hexadecimal digits are one")
        }
        hex = String(text.dropFirst(7))
    }

    /// `sha256:` and the digits.
    package var description: String { "sha256:" + hex }
}
