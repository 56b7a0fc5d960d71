import TestSupport

/// The forms in which an image comes.
enum ImageKind: String, CaseIterable, Sendable {
    case directory, squashfs, sif

    /// Returns the image, or skips the test where it cannot be made or mounted by this user.
    func path(for profile: Profile) throws -> String {
        let images = try Images.shared.get()
        switch self {
        case .directory: return images.directory
        case .squashfs:
            try need(.mksquashfs)
            try need(profile.mounting)
            return images.squashfs
        case .sif:
            try need(profile.mounting)
            return images.sif
        }
    }
}
