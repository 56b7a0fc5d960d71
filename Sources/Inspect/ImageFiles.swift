package import Base
import Linux
import Squashfs

/// The file tree of an image of any kind. Symbolic links stay inside.
package protocol ImageFiles {
    /// Returns a whole file, or nil when there is none.
    func text(_ path: String) throws(SkiffError) -> String?
    /// Returns the names in a directory, sorted by bytes; empty when there is none.
    func names(_ directory: String) throws(SkiffError) -> [String]
}

/// The largest file that is read, in bytes.
private let largestFile = 16 << 20

private func tooLarge(_ path: String) -> SkiffError {
    SkiffError("cannot read \(path) of the image: it is larger than \(largestFile >> 20) MiB")
}

/// A directory that is the root of a container.
struct DirectoryFiles: ImageFiles {
    let root: TreeRoot

    func text(_ path: String) throws(SkiffError) -> String? {
        do throws(Errno) {
            return String(bytes: try root.readFile(TreePath(path), limit: largestFile))
        } catch {
            if error == .overflow { throw tooLarge(path) }
            if Self.isAbsence(error) { return nil }
            throw SkiffError("cannot read \(path) of the image", errno: error)
        }
    }

    func names(_ directory: String) throws(SkiffError) -> [String] {
        do throws(Errno) {
            return try root.entries(TreePath(directory)).map(\.text)
        } catch {
            if Self.isAbsence(error) { return [] }
            throw SkiffError("cannot read \(directory) of the image", errno: error)
        }
    }

    /// Returns whether a file counts as absent. One that may not be read does, as for the shell commands that Apptainer
    /// uses.
    private static func isAbsence(_ error: Errno) -> Bool {
        [.noSuchFile, .notDirectory, .accessDenied, .tooManySymlinks, .isDirectory, .noDeviceOrAddress].contains(error)
    }
}

/// A squashfs image, read without mounting it.
struct SquashfsFiles: ImageFiles {
    let reader: SquashfsReader

    func text(_ path: String) throws(SkiffError) -> String? {
        do throws(SquashfsError) {
            guard let file = try reader.lookup(path: path), file.kind == .file else { return nil }
            if let content = try reader.content(of: file, limit: largestFile) {
                return String(bytes: content)
            }
        } catch {
            throw SkiffError("cannot read \(path) of the image: \(error)")
        }
        throw tooLarge(path)
    }

    func names(_ directory: String) throws(SkiffError) -> [String] {
        do throws(SquashfsError) {
            guard let found = try reader.lookup(path: directory), found.isDirectory else { return [] }
            var cursor = try reader.entries(of: found)
            var names: [String] = []
            while let entry = try cursor.next() { names.append(String(bytes: entry.name)) }
            return names
        } catch {
            throw SkiffError("cannot read \(directory) of the image: \(error)")
        }
    }
}
