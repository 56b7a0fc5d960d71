package import PluginKit

/// One `--overlay PATH[:ro]`.
package struct OverlaySpec: Sendable, Equatable {
    package let path: String
    package let isReadOnly: Bool
    /// What stands behind the colon without having a meaning.
    package let ignored: String?

    /// The text after the first colon is `ro`, or is ignored; Docs/spec/runtime.md §2.7.
    package init(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        path = parts.first.map { String(Substring($0)) } ?? ""
        let option = parts.count > 1 ? String(Substring(parts[1])) : nil
        isReadOnly = option == "ro"
        ignored = ["ro", "rw"].contains(option) ? nil : option
    }
}

/// The contribution of one overlay to the stack of layers.
package enum OverlayLayer: Sendable, Equatable {
    case lower(String)
    case upper(String, work: String)
}

/// Why a directory cannot be an overlay.
package struct OverlayProblem: Error {
    package let message: String
    package let cause: SystemError?
    /// A failure that the host has explained already.
    let passed: PluginError?

    package init(_ message: String, _ cause: SystemError? = nil) {
        (self.message, self.cause, passed) = (message, cause, nil)
    }

    init(_ passed: PluginError) { (message, cause, self.passed) = (passed.message ?? "", nil, passed) }
}

extension OverlaySpec {
    /// Returns the layer of the directory, and makes `upper` and `work` in it when it is writable.
    ///
    /// - Parameter warn: called when a writable overlay turns out to be read-only.
    package func resolve(warn: (String) -> Void) throws(OverlayProblem) -> OverlayLayer {
        let directory: String
        let kind: Host.Kind
        do throws(SystemError) {
            directory = try Host.realPath(path)
            kind = try Host.kind(of: directory)
        } catch {
            throw OverlayProblem("cannot open overlay \(path)", error)
        }
        guard kind == .directory else {
            throw OverlayProblem(
                "cannot use overlay \(path): it is no directory")
        }
        if isReadOnly { return lower(directory) }
        if let name = try? Host.filesystem(of: directory), Self.unwritable.contains(name) {
            throw OverlayProblem(
                "cannot write to overlay \(path): its file system is \(name), where overlayfs can only read\n"
                    + "Use an image there, which skiff overlay create makes, or \(path):ro")
        }
        do throws(SystemError) {
            return try upper(directory)
        } catch {
            switch error {
            case .accessDenied, .notPermitted, .readOnlyFilesystem:
                warn("Overlay \(path) is not writable, using it read-only")
                return lower(directory)
            default: throw OverlayProblem("cannot make upper and work in overlay \(path)", error)
            }
        }
    }

    /// What the kernel does not take as the directory that overlayfs writes to; Documentation/filesystems/overlayfs.rst.
    private static let unwritable: Set<String> = ["overlay", "nfs", "nfs4", "cifs", "smb3", "9p"]

    private func lower(_ directory: String) -> OverlayLayer {
        let upper = directory + "/upper"
        // A symlink is not followed: it could show any directory of the host as a layer of the container.
        let isLayer = (try? Host.kind(of: upper, followingLinks: false)) == .directory
        return .lower(isLayer ? upper : directory)
    }

    private func upper(_ directory: String) throws(SystemError) -> OverlayLayer {
        let upper = directory + "/upper"
        let work = directory + "/work"
        for path in [upper, work] {
            do throws(SystemError) {
                try Host.makeDirectory(path)
            } catch {
                guard error == .exists else { throw error }
                guard try Host.kind(of: path, followingLinks: false) == .directory else { throw .notDirectory }
            }
            guard Host.permits(.write, path) else { throw .accessDenied }
        }
        return .upper(upper, work: work)
    }
}
