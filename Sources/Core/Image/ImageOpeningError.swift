import Base
import Linux

extension ImageSource {
    /// Returns Apptainer's text for an image that could not be opened, with the component that was at fault.
    static func openingError(_ error: Errno, given: String, absolute: String) -> SkiffError {
        let retrieving = "failed to retrieve path for \(given)"
        switch error {
        case .tooManySymlinks: return SkiffError("\(retrieving): EvalSymlinks: too many links")
        case .notDirectory: return SkiffError("\(retrieving): not a directory")
        case .noSuchFile:
            return SkiffError("\(retrieving): lstat \(missingComponent(of: absolute) ?? absolute)", errno: error)
        case .accessDenied:
            let parent = parentPath(absolute) ?? "/"
            if (try? status(absolute, follow: false)) == nil, !isAccessible(parent, .execute) {
                return SkiffError("\(retrieving): lstat \(absolute)", errno: error)
            }
            return SkiffError("\(absolute) is not readable by the current user, check permissions")
        default: return SkiffError("cannot open \(absolute)", errno: error)
        }
    }

    /// Returns the first part of the path that is missing, following symlinks. For messages only: the tree may have
    /// changed.
    private static func missingComponent(of path: String, depth: Int = 0) -> String? {
        guard depth < 40 else { return nil }
        var walked = ""
        for part in path.utf8.split(separator: 0x2F) {
            let parent = walked
            walked += "/" + Substring(part)
            guard let facts = try? status(walked, follow: false) else { return walked }
            if facts.isSymlink, (try? status(walked)) == nil, let target = try? readLink(walked) {
                let whole = target.utf8.first == 0x2F ? target : parent + "/" + target
                return (try? absolutePath(whole)).flatMap { missingComponent(of: $0, depth: depth + 1) }
            }
        }
        return nil
    }
}
