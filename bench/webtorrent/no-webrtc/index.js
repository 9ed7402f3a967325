// In the place of a native module that npm would fetch from elsewhere: no peer in the benchmarks is a browser.
export default {}
export class RTCPeerConnection {}
export class RTCSessionDescription {}
export class RTCIceCandidate {}
