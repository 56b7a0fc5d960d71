import Base
package import Digest

/// The signed JSON, which describes the image (Docs/spec/signing.md §3).
package struct ImageMetadata: Sendable, Equatable {
    package struct ObjectMetadata: Sendable, Equatable {
        /// Counted from the lowest id of the group.
        package let relativeID: UInt32
        package let descriptor: MetadataDigest
        package let data: MetadataDigest
    }

    package let header: MetadataDigest
    package let objects: [ObjectMetadata]

    /// The error for JSON that is not of the right form.
    package struct Malformed: Error, Sendable, Equatable, CustomStringConvertible {
        package let description: String
    }

    /// - Throws: also for an object that is named twice, since it is unclear which digest counts.
    package init(parsing text: [UInt8]) throws(Malformed) {
        let json: JSONText
        do throws(JSONReader.Malformed) {
            json = try JSONReader.read(text)
        } catch {
            throw Malformed(description: error.description)
        }
        guard case .array(let entries) = json["objects"] else { throw Malformed(description: "no objects are named") }
        header = try MetadataDigest(json["header"]?["digest"])
        var objects: [ObjectMetadata] = []
        var seen: Set<UInt32> = []
        for entry in entries {
            guard case .integer(let number) = entry["relativeId"], let relativeID = UInt32(exactly: number) else {
                throw Malformed(description: "an object has no relative ID")
            }
            guard seen.insert(relativeID).inserted else {
                throw Malformed(description: "multiple objects with relative ID \(relativeID)")
            }
            objects.append(
                ObjectMetadata(
                    relativeID: relativeID, descriptor: try MetadataDigest(entry["descriptorDigest"]),
                    data: try MetadataDigest(entry["objectDigest"])))
        }
        self.objects = objects
    }
}

/// `sha256:` and 64 digits, or another algorithm with the number of digits it needs.
package struct MetadataDigest: Sendable, Equatable {
    package let algorithm: HashAlgorithm
    package let value: [UInt8]

    init(_ json: JSONText?) throws(ImageMetadata.Malformed) {
        let parts = (json?.stringValue ?? "").split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let value = bytes(hexadecimal: parts[1]) else {
            throw ImageMetadata.Malformed(description: "digest malformed")
        }
        guard let algorithm = HashAlgorithm(rawValue: String(parts[0])) else {
            throw ImageMetadata.Malformed(description: "hash algorithm unsupported")
        }
        guard value.count == algorithm.size else { throw ImageMetadata.Malformed(description: "digest malformed") }
        (self.algorithm, self.value) = (algorithm, value)
    }

    func matches(_ bytes: [UInt8]) throws(SkiffError) -> Bool { try MessageDigest.of(bytes, algorithm) == value }
}
