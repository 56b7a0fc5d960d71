package import Base
import Core

/// The platform of an image, in Go's words; OCI image-spec, image-index.md.
package struct OCIPlatform: Sendable, Equatable, CustomStringConvertible {
    package var os: String
    package var architecture: String
    /// `v7`, or empty.
    package var variant: String

    package init(os: String = "linux", architecture: String, variant: String = "") {
        (self.os, self.architecture, self.variant) = (os, architecture, variant)
    }

    /// The words of `--arch`.
    package static let architectures = ["386", "amd64", "arm", "arm64", "loong64", "ppc64le", "riscv64", "s390x"]

    /// Makes the platform of `--arch` and `--arch-variant` (Docs/spec/sif-use.md §4).
    ///
    /// - Parameters:
    ///   - word: nil or empty for this machine's architecture.
    ///   - variant: `7` or `v7`; nil or empty for none.
    package init(word architecture: String?, variant: String?) throws(SkiffError) {
        guard let architecture, !architecture.isEmpty else {
            self = .host
            return
        }
        var (word, variant) = (architecture, variant ?? "")
        if word == "arm64v8" { (word, variant) = ("arm64", "v8") }
        if word.hasPrefix("arm32v") { (word, variant) = ("arm", String(word.dropFirst(5))) }
        guard Self.architectures.contains(word) else {
            throw SkiffError(
                "cannot use architecture \(architecture)",
                hint: "Supported are " + Self.architectures.joined(separator: ", "))
        }
        if let first = variant.first, first.isNumber { variant = "v" + variant }
        self.init(architecture: word, variant: variant)
    }

    /// Refuses arm without a variant, as Apptainer does.
    package func checkVariant() throws(SkiffError) {
        guard architecture == "arm", variant.isEmpty else { return }
        throw SkiffError("cannot use architecture arm", hint: "Say which with --arch-variant 5, 6 or 7")
    }

    package static var host: OCIPlatform { OCIPlatform(architecture: SIFArchitecture.host.name) }

    /// `linux/arm/v7`.
    package var description: String {
        [os, architecture, variant].filter { !$0.isEmpty }.joined(separator: "/")
    }

    /// Returns whether an image for `other` is the one that was asked for. An image without a variant fits all of them,
    /// and arm64's only variant may be left out.
    package func accepts(_ other: OCIPlatform) -> Bool {
        guard other.os == os, other.architecture == architecture else { return false }
        return variant.isEmpty || other.variant.isEmpty || variant == other.variant
    }

    /// Returns the index of the best of several: one with the same variant, else for arm the highest variant, else the
    /// first.
    package func best(of candidates: [OCIPlatform]) -> Int? {
        let accepted = candidates.indices.filter { accepts(candidates[$0]) }
        if !variant.isEmpty, let exact = accepted.first(where: { candidates[$0].variant == variant }) { return exact }
        guard architecture == "arm", variant.isEmpty else { return accepted.first }
        return accepted.max { candidates[$0].variant < candidates[$1].variant }
    }
}
