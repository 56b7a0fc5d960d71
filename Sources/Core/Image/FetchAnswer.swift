import Linux

/// What `skiff-image` answers when skiff lets it fetch the image of a launch.
package enum FetchAnswer: Sendable, Equatable {
    /// A file in the cache, where it stays.
    case cached(path: String)
    /// A file in a directory that skiff removes once it has opened the image.
    case temporary(directory: String, name: String)

    /// The descriptor over which the answer is given.
    package static let descriptor: Int32 = 3

    private enum Kind: String { case cached, temporary }

    /// Reads an answer; nil for anything that `bytes` does not produce.
    package init?(_ bytes: [UInt8]) {
        let fields = bytes.split(separator: 0, omittingEmptySubsequences: false).map { String(bytes: $0) }
        guard fields.last?.isEmpty == true, let kind = fields.first.flatMap({ Kind(rawValue: $0) }) else { return nil }
        let rest = fields.dropFirst().dropLast()
        guard rest.allSatisfy({ !$0.isEmpty }) else { return nil }
        switch (kind, rest.count) {
        case (.cached, 1): self = .cached(path: fields[1])
        case (.temporary, 2): self = .temporary(directory: fields[1], name: fields[2])
        default: return nil
        }
    }

    /// The answer as fields that each end with a zero byte, which no path contains.
    package var bytes: [UInt8] {
        let fields =
            switch self {
            case .cached(let path): [Kind.cached.rawValue, path]
            case .temporary(let directory, let name): [Kind.temporary.rawValue, directory, name]
            }
        return fields.flatMap { $0.bytes + [0] }
    }

    /// Ends with the launch; nil for an image in the cache.
    package var temporaryDirectory: String? {
        guard case .temporary(let directory, _) = self else { return nil }
        return directory
    }

    package var path: String {
        switch self {
        case .cached(let path): path
        case .temporary(let directory, let name): directory + "/" + name
        }
    }
}
