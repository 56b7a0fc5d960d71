package import Base
import SquashfsWriter

/// What a reproducible build takes for now.
package struct FixedTime {
    private let options: PackingOptions

    package init(_ options: PackingOptions) { self.options = options }

    /// - Parameters:
    ///   - root: as its base left it.
    ///   - base: what the agent told of it.
    /// - Returns: seconds since 1970; nil for the time that it is.
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
