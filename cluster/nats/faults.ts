// What an error of the NATS libraries means to a caller: whether it was applied. The one place that knows their classes and codes.
import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';
import {
  ClosedConnectionError,
  ConnectionError,
  DrainingConnectionError,
  InvalidArgumentError,
  InvalidSubjectError,
  RequestError,
} from '@nats-io/transport-node';
import { CoordinationError } from '../coordination.ts';

/** `lost`: somebody was first. `noBucket`: the stream is not there. `refused`: not applied. `unknown`: no answer. `bug`: ours. */
export type NatsFault = 'lost' | 'noBucket' | 'refused' | 'unknown' | 'bug';

export function faultOf(error: unknown): NatsFault {
  if (error instanceof CoordinationError) return error.code === 'unknown' ? 'unknown' : 'refused';
  if (error instanceof JetStreamApiError) {
    switch (error.code) {
      // 10164 comes while another write is under way, and names no number.
      case JetStreamApiCodes.StreamWrongLastSequence:
      case JetStreamApiCodes.StreamWrongLastSequenceUnknown:
        return 'lost';
      case JetStreamApiCodes.StreamNotFound:
        return 'noBucket';
      default:
        // A server in trouble (5xx, no leader) may have applied what it failed to confirm.
        return error.apiError().code >= 500 ? 'unknown' : 'refused';
    }
  }
  // Nobody listens to the bucket's subject: it is not there, or JetStream is not up yet.
  // By its name, since the library keeps the class to itself.
  if (error instanceof Error && error.name === 'JetStreamNotEnabled') return 'noBucket';
  if (error instanceof RequestError && error.isNoResponders()) return 'noBucket';
  if (error instanceof InvalidArgumentError || error instanceof InvalidSubjectError) return 'bug';
  if (error instanceof ClosedConnectionError || error instanceof DrainingConnectionError) return 'refused';
  if (error instanceof ConnectionError) return 'unknown';
  return error instanceof TypeError || error instanceof RangeError ? 'bug' : 'unknown';
}
