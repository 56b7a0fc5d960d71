/// Which release this is; the only place that says it.
package enum Version {
    package static let number = "0.1.0"
    /// The Apptainer release whose behaviour is matched, shown when called by that name.
    package static let apptainer = "1.6.0"
}
