/** Types and lints are not what this application is for. */
export default { typescript: { ignoreBuildErrors: true }, images: { unoptimized: true } };
