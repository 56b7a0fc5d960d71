package import Base
import SquashfsWriter

/// The time that a reproducible build uses as the present.
package struct FixedTime {
    private let options: PackingOptions

    package init(_ options: PackingOptions) { self.options = options }

    /// - Parameters:
    ///   - root: the root as its base left it.
    ///   - base: what the agent said about the base.
    /// - Returns: seconds since 1970; nil to use the current time.
    package func find(in root: any ImageRoot, _ base: BaseContent) throws(SkiffError) -> Int64? {
        if let time = options.squashfs.latestTime { return Int64(time) }
        guard options.isReproducible else { return nil }
        if let time = base.created { return time }
        let labels = try Labels(json: root.read("/.singularity.d/labels.json"), replaces: false)
        if let time = labels.values["org.opencontainers.image.created"].flatMap(BuildTime.init(timestamp:)) {
            return time.seconds
        }
        Log.warning("--reproducible: the base of the image tells no time. Set SOURCE_DATE_EPOCH")
        return nil
    }
}
