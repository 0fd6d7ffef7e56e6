/**
 * Google's library, for those who need it: it takes long to load, so this file is imported when it is asked for. Named
 * here, its class is found whether the library is a file of its own or a part of the bundle, where it has no names.
 */
export { GoogleAuth } from "google-auth-library";
