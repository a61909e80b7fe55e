#!/usr/bin/env bash
# sbom.sh VERSION FOLDER: writes the software bill of materials of the image's programs, in SPDX 2.3: every crate that is linked
# into them, with its version, licence, checksum and dependencies.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
. "$DEV/programs.sh"
. "$DEV/oci.sh"

version=${1:?usage: sbom.sh VERSION FOLDER}
folder=${2:?usage: sbom.sh VERSION FOLDER}

# Crates of all architectures: dependencies of one only are rare, and a reader wants one list.
crates() {
  local architecture
  for architecture in amd64 arm64; do "$DEV/dependencies.sh" "$(rust_target "$architecture")" "${packages[@]}"; done |
    jq -s 'add | group_by(.id) | map(.[0] + {dependencies: (map(.dependencies) | add | unique)})'
}

# Cargo.lock has the checksum of every crate.
checksums() {
  awk -F '"' '
    /^name = / { name = $2 } /^version = / { version = $2 }
    /^checksum = / { print name "@" version "\t" $2 }' "$ROOT/Cargo.lock" |
    jq -Rn '[inputs | split("\t") | {(.[0]): .[1]}] | add'
}

crates | jq -S --argjson checksums "$(checksums)" --arg version "$version" --arg created "$(timestamp "$SOURCE_DATE_EPOCH")" \
  --arg commit "$COMMIT" --arg source "${SOURCE_URL:-NOASSERTION}" '
  def reference: "SPDXRef-" + (split("#")[-1] | gsub("[^A-Za-z0-9.-]"; "-"));
  # The older form of a choice of licences is a slash.
  def expression: if . == null then "NOASSERTION" else gsub(" *[/] *"; " OR ") end;
  def origin: if .source == null then $source else "https://crates.io/api/v1/crates/\(.name)/\(.version)/download" end;
  (map({(.id): ("\(.name)@\(.version)" | reference)}) | add) as $references
  | {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: "eventpipeline-\($version)",
    documentNamespace: "https://spdx.org/spdxdocs/eventpipeline-\($version)-\($commit)",
    creationInfo: {$created, creators: ["Tool: eventpipeline-dev-release-\($version)"]},
    packages: ([{
      SPDXID: "SPDXRef-Image", name: "eventpipeline", versionInfo: $version, downloadLocation: $source, filesAnalyzed: false,
      licenseConcluded: "NOASSERTION", licenseDeclared: "Apache-2.0", copyrightText: "NOASSERTION",
      primaryPackagePurpose: "CONTAINER"
    }] + map({
      SPDXID: $references[.id], name, versionInfo: .version, downloadLocation: origin, filesAnalyzed: false,
      licenseConcluded: "NOASSERTION", licenseDeclared: (.license | expression), copyrightText: "NOASSERTION"
    } + if .source == null then {} else {
      checksums: [{algorithm: "SHA256", checksumValue: $checksums["\(.name)@\(.version)"]}],
      externalRefs: [{referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: "pkg:cargo/\(.name)@\(.version)"}]
    } end)),
    relationships: ([{spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES", relatedSpdxElement: "SPDXRef-Image"}]
      + map(select(.source == null)
        | {spdxElementId: "SPDXRef-Image", relationshipType: "CONTAINS", relatedSpdxElement: $references[.id]})
      + [.[] | $references[.id] as $from | .dependencies[]
        | {spdxElementId: $from, relationshipType: "DEPENDS_ON", relatedSpdxElement: $references[.]}])
  }' >"$folder/eventpipeline-$version.spdx.json"
