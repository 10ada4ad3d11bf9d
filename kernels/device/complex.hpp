// Complex numbers as kernels see them: the bytes of std::complex, aligned so that both parts are one access.
#pragma once

#include "kernels/device/function.hpp"

namespace gleam::kernels::device {

template <class T>
struct alignas(2 * sizeof(T)) Complex {
    T re, im;

    GLEAM_DEVICE Complex& operator+=(const Complex& b) {
        re += b.re;
        im += b.im;
        return *this;
    }
    GLEAM_DEVICE friend Complex operator+(Complex a, const Complex& b) { return a += b; }
    GLEAM_DEVICE friend Complex operator-(const Complex& a, const Complex& b) { return {a.re - b.re, a.im - b.im}; }
    GLEAM_DEVICE friend Complex operator*(const Complex& a, const Complex& b) {
        return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
    }
    GLEAM_DEVICE friend Complex operator*(T a, const Complex& b) { return {a * b.re, a * b.im}; }
};

// conj(a) b
template <class T>
GLEAM_DEVICE Complex<T> conjugate_product(const Complex<T>& a, const Complex<T>& b) {
    return {a.re * b.re + a.im * b.im, a.re * b.im - a.im * b.re};
}

}  // namespace gleam::kernels::device
